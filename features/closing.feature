Feature: Closing and expiring
  An order that nobody will pay ends at the provider first, then here; money always wins.

  Scenario Outline: The shop closes an order
    Given an open order of 88.88 yuan with <provider>
    And the payer scans the code
    When the shop closes the order
    Then the order is closed
    And the payer can't pay any more
    And the shop is told once that the order is closed

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario: Closing again changes nothing
    Given an open order of 88.88 yuan with WeChat Pay
    And the shop closes the order
    When the shop closes the order
    Then the order is closed
    And the shop is told once that the order is closed

  Scenario Outline: The payer was faster than the close
    Given an open order of 88.88 yuan with <provider>
    And <provider>'s callbacks get lost
    And the payer pays
    When the shop closes the order
    Then the shop hears that the payment has already succeeded
    And the order is paid
    And the shop is told once that the order is paid

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The provider can't confirm the close
    Given an open order of 88.88 yuan with <provider>
    And <provider> stops answering
    When the shop closes the order
    Then the order is being closed
    And nothing has been announced

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The close is confirmed later
    Given an open order of 88.88 yuan with <provider>
    And the payer scans the code
    And <provider> stops answering
    And the shop closes the order
    When a minute later <provider> works again
    Then the order is closed
    And the payer can't pay any more

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: Nobody pays in time
    Given an open order of 88.88 yuan with <provider>
    And the payer scans the code
    When three hours pass
    Then the order is closed
    And the payer can't pay any more
    And the shop is told once that the order is closed

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: Nobody even scans the code
    Given an open order of 88.88 yuan with <provider>
    When three hours pass
    Then the order is closed

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: A paid order does not expire, even if nobody told us
    Given an open order of 88.88 yuan with <provider>
    And <provider>'s callbacks get lost
    And the payer pays
    When three hours pass
    Then the order is paid
    And the shop is told once that the order is paid

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: Money that shows after the end counts
    Given an open order of 88.88 yuan with <provider>
    And <provider>'s callbacks get lost
    And the payer pays
    And <provider> forgets the order
    And three hours pass
    And the order is closed
    When the callback arrives at last
    Then the order is paid
    And the shop is told once that the order is paid late

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |
