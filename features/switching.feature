Feature: Switching
  A customer may change the price or the provider; one order has one winner.

  Scenario Outline: The same order again is the same payment
    Given an open order of 88.88 yuan with <provider>
    When the shop places the order again
    Then it is the same payment
    And <provider> knows of one order

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The price changes
    Given an open order of 88.88 yuan with <provider>
    And the payer scans the code
    When the price changes to 66.66 yuan
    Then the first payment is closed
    And the first payment names the second as its successor
    And the second payment is open

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The customer switches to another provider and pays
    Given an open order of 88.88 yuan with <provider>
    And the payer scans the code
    And the customer switches to <other>
    When the payer pays the second payment
    Then the second payment is paid
    And the first payment is closed

    Examples:
      | provider   | other      |
      | WeChat Pay | Alipay     |
      | Alipay     | WeChat Pay |

  Scenario Outline: The customer leaves a provider that is silent
    Given an open order of 88.88 yuan with <provider>
    And <provider> stops answering
    When the customer switches to <other>
    Then the payer has a code to scan
    And the first payment is being closed

    Examples:
      | provider   | other      |
      | WeChat Pay | Alipay     |
      | Alipay     | WeChat Pay |

  Scenario Outline: The customer paid just before the switch
    Given an open order of 88.88 yuan with <provider>
    And <provider>'s callbacks get lost
    And the payer pays
    When the customer switches to <other>
    Then the shop hears that the order is already paid
    And the first payment is paid
    And there is one payment for the order

    Examples:
      | provider   | other      |
      | WeChat Pay | Alipay     |
      | Alipay     | WeChat Pay |

  Scenario Outline: Both payments are paid, and the second success goes back by itself
    Given an open order of 88.88 yuan with <provider>
    And <provider> stops answering
    And the customer switches to <other>
    And the payer pays the second payment
    And the second payment is paid
    And the payer pays the first payment
    And the first payment is paid
    When a minute later <provider> works again
    Then the payer gets 88.88 yuan back
    And the first payment is the duplicate of the second
    And an operator is told that the order was paid twice

    Examples:
      | provider   | other      |
      | WeChat Pay | Alipay     |
      | Alipay     | WeChat Pay |

  Scenario Outline: The payment that was left behind wins
    Given an open order of 88.88 yuan with <provider>
    And <provider> stops answering
    And the customer switches to <other>
    And the payer scans the code
    When the payer pays the first payment
    Then the first payment is paid
    And the second payment is closed
    And nothing goes back to the payer

    Examples:
      | provider   | other      |
      | WeChat Pay | Alipay     |
      | Alipay     | WeChat Pay |

  Scenario: A closed order is placed again
    Given an open order of 88.88 yuan with WeChat Pay
    And the shop closes the order
    When the shop places the order again
    Then the first payment is closed
    And the second payment is open

  Scenario: A paid order is placed again
    Given a paid order of 88.88 yuan with WeChat Pay
    When the shop places the order again
    Then the shop hears that the order is already paid
    And there is one payment for the order
