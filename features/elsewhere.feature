Feature: What happens elsewhere
  Somebody refunds on the provider's own site; basepay keeps count, and tells.

  Scenario Outline: A refund that the shop did not ask for
    Given a paid order of 88.88 yuan with <provider>
    When somebody refunds 30.00 yuan on the site of <provider>
    Then 30.00 yuan of the order are refunded
    And the operators are told that a refund was made elsewhere
    And the order is paid

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: What is gone can't be refunded again
    Given a paid order of 88.88 yuan with <provider>
    And somebody refunds 60.00 yuan on the site of <provider>
    And 60.00 yuan of the order are refunded
    When the shop refunds 30.00 yuan
    Then the shop hears that it is more than what is left

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: All of it is gone
    Given a paid order of 88.88 yuan with <provider>
    When somebody refunds 88.88 yuan on the site of <provider>
    Then 88.88 yuan of the order are refunded
    And the order is paid

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |
