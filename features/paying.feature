Feature: Paying
  A customer pays an order with the phone, and the shop learns of it once.

  Scenario Outline: The payer gets a code to scan
    Given an order of 88.88 yuan to be paid with <provider>
    When the order is placed
    Then the payer has a code to scan
    And the order is open
    And nothing has been announced

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The payer pays
    Given an open order of <amount> yuan with <provider>
    When the payer pays
    Then the order is paid
    And the payer is charged <amount> yuan once
    And the shop is told once that the order is paid

    Examples:
      | provider   | amount    |
      | WeChat Pay | 88.88     |
      | WeChat Pay | 0.01      |
      | Alipay     | 88.88     |
      | Alipay     | 12,345.60 |

  Scenario Outline: A payer who declines may think again
    Given an open order of 88.88 yuan with <provider>
    And the payer declines
    And the order is open
    When the payer pays
    Then the order is paid

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The provider refuses the order
    Given an order of 88.88 yuan to be paid with <provider>
    And <provider> refuses new orders
    When the order is placed
    Then the order has failed
    And the shop is told once that the order has failed

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario: Another sum than the order's is never taken for its payment
    Given an order of 88.88 yuan to be paid with WeChat Pay
    And WeChat Pay stops answering
    And the order is placed
    And another till takes 1.00 yuan under the same number
    When a minute later WeChat Pay works again
    Then the order is open
    And an operator is told that another sum was paid
    And nothing has been announced
