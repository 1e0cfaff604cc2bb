Feature: Refunding
  Money goes back in parts or in full, never more than was paid.

  Scenario Outline: The shop gives a part back
    Given a paid order of 88.88 yuan with <provider>
    When the shop refunds 30.00 yuan
    Then the payer gets 30.00 yuan back
    And the shop is told once that the refund has succeeded
    And the order is paid

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The shop gives the rest back, too
    Given a paid order of 88.88 yuan with <provider>
    And the shop refunds 30.00 yuan
    And a minute passes
    When the shop refunds 58.88 yuan
    Then the payer gets 88.88 yuan back

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: A second refund waits its turn
    Given a paid order of 88.88 yuan with <provider>
    And the shop refunds 30.00 yuan
    And the shop refunds 20.00 yuan
    And the refund waits its turn
    When a minute passes
    Then the payer gets 50.00 yuan back

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: More than was paid
    Given a paid order of 88.88 yuan with <provider>
    When the shop refunds 88.89 yuan
    Then the shop hears that it is more than what is left
    And nothing goes back to the payer

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: What is on its way back can't be given again
    Given a paid order of 88.88 yuan with <provider>
    And <provider> stops answering
    And the shop refunds 80.00 yuan
    When the shop refunds 8.89 yuan
    Then the shop hears that it is more than what is left

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: Many refunds race for the same money
    Given a paid order of 88.88 yuan with <provider>
    When the shop asks for 10 refunds of 20.00 yuan at once
    Then 4 of them are granted
    And the others hear that it is more than what is left

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: An order that nobody paid
    Given an open order of 88.88 yuan with <provider>
    When the shop refunds 30.00 yuan
    Then the shop hears that nothing has been paid

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The provider refuses a refund
    Given a paid order of 88.88 yuan with <provider>
    And <provider> refuses refunds
    When the shop refunds 88.88 yuan
    Then the refund has failed
    And the shop is told once that the refund has failed
    And nothing goes back to the payer

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: A refused refund is tried again
    Given a paid order of 88.88 yuan with <provider>
    And <provider> refuses refunds
    And the shop refunds 88.88 yuan
    And a minute later <provider> works again
    When the shop tries the refund again
    Then it is the same refund
    And the payer gets 88.88 yuan back

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The shop's account is empty for a while
    Given a paid order of 88.88 yuan with <provider>
    And the shop's account at <provider> is empty
    And the shop refunds 30.00 yuan
    And three hours pass
    And an operator is told that the refund is stuck
    When three hours later <provider> works again
    Then the payer gets 30.00 yuan back

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario: The money can't reach the payer
    Given a paid order of 88.88 yuan with WeChat Pay
    And the payer's card is closed
    When the shop refunds 30.00 yuan
    Then the refund comes back
    And an operator is told that the refund came back

  Scenario: What came back is not free to be given again
    Given a paid order of 88.88 yuan with WeChat Pay
    And the payer's card is closed
    And the shop refunds 30.00 yuan
    And the refund comes back
    When the shop refunds 58.89 yuan
    Then the shop hears that it is more than what is left

  Scenario: A refund number stands for one refund
    Given a paid order of 88.88 yuan with WeChat Pay
    And the shop refunds 30.00 yuan
    When the shop refunds 20.00 yuan under the same refund number
    Then the shop hears that the refund number is taken
    And the payer gets 30.00 yuan back
