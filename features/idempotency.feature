Feature: Idempotency
  A shop that does not know whether it was heard asks again; nothing happens twice.

  Scenario Outline: The shop repeats its order
    Given an open order of 88.88 yuan with <provider>
    When the shop repeats its request
    Then the shop hears the first answer again
    And <provider> knows of one order

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The shop repeats its order after it was paid
    Given an open order of 88.88 yuan with <provider>
    And the payer pays
    And the order is paid
    When the shop repeats its request
    Then the shop hears the first answer again
    And the payer is charged 88.88 yuan once

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The shop repeats an order whose outcome was unknown
    Given an order of 88.88 yuan to be paid with <provider>
    And <provider>'s answers get lost
    And the order is placed
    And a minute later <provider> works again
    When the shop repeats its request
    Then the shop hears the first answer again
    And <provider> knows of one order

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: Many copies of an order arrive at once
    Given an order of 88.88 yuan to be paid with <provider>
    When the shop sends the order 10 times at once
    Then all of them hear the same answer
    And <provider> knows of one order

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario: A key belongs to one request
    Given an open order of 88.88 yuan with WeChat Pay
    When the shop uses the key of its request for 66.66 yuan
    Then the shop hears that the key belongs to another request
    And WeChat Pay knows of one order

  Scenario Outline: The shop repeats its refund
    Given a paid order of 88.88 yuan with <provider>
    And the shop refunds 30.00 yuan
    And the payer gets 30.00 yuan back
    When the shop repeats its request
    Then the shop hears the first answer again
    And the payer gets 30.00 yuan back

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: Many copies of a refund arrive at once
    Given a paid order of 88.88 yuan with <provider>
    When the shop sends a refund of 30.00 yuan 10 times at once
    Then all of them hear the same answer
    And the payer gets 30.00 yuan back

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario: The same refund asked for anew
    Given a paid order of 88.88 yuan with WeChat Pay
    And the shop refunds 30.00 yuan
    When the shop tries the refund again
    Then it is the same refund
    And the payer gets 30.00 yuan back
