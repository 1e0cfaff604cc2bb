Feature: Reconciliation
  Each day's bill is held against the books. What the provider confirms is repaired by itself; what
  differs is told, and persons settle it.

  Scenario Outline: Both say the same
    Given a fresh day
    And a paid order of 88.88 yuan with <provider>
    When the next day comes
    Then the bill and the books agree on 88.88 yuan

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: A payment that nobody heard of
    Given a fresh day
    And an open order of 88.88 yuan with <provider>
    And <provider>'s callbacks get lost
    And <provider> forgets the order
    And the payer pays
    And three hours pass
    And the order is closed
    And <provider> remembers the order, though its callbacks get lost
    When the next day comes
    Then the bill and the books agree on 88.88 yuan
    And the order is paid
    And one difference was repaired by itself

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The bill is wrong
    Given a fresh day
    And a paid order of 88.88 yuan with <provider>
    And a second customer has paid 5.00 yuan with <provider>
    And the bill <is wrong>
    When the next day comes
    Then a person is told that <difference>

    Examples:
      | provider   | is wrong                             | difference                      |
      | WeChat Pay | will lack an order                   | the money is missing            |
      | Alipay     | will lack an order                   | the money is missing            |
      | WeChat Pay | will tell of an order twice          | the bill has something twice    |
      | Alipay     | will tell another sum                | the sums differ                 |
      | WeChat Pay | will tell of a stranger's order, too | the books lack a payment        |

  Scenario Outline: A payment near midnight
    Given it is shortly before midnight
    And a paid order of 88.88 yuan with <provider>
    And the bill will tell of the order a day later
    When the next day comes
    Then the order is carried over to the next bill
    And when another day has come, that bill and the books agree on 88.88 yuan

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario: A bill that is late
    Given a fresh day
    And a paid order of 88.88 yuan with WeChat Pay
    And the bill is late
    When the next day comes
    Then the bill is waited for
    And three hours later the bill and the books agree on 88.88 yuan

  Scenario: A bill that does not bear out its hash is not used
    Given a fresh day
    And a paid order of 88.88 yuan with WeChat Pay
    And the bill is damaged
    When the next day comes
    Then the bill is waited for
    And three hours later the bill and the books agree on 88.88 yuan

  Scenario: Nobody accepts a loss alone
    Given a fresh day
    And a paid order of 88.88 yuan with WeChat Pay
    And a second customer has paid 5.00 yuan with WeChat Pay
    And the bill will lack an order
    And the next day comes
    When a person accepts the difference
    Then it waits for a second person
    And the same person may not approve it

  Scenario: What persons did outlives a repeated run
    Given a fresh day
    And a paid order of 88.88 yuan with WeChat Pay
    And a second customer has paid 5.00 yuan with WeChat Pay
    And the bill will lack an order
    And the next day comes
    And a person accepts the difference
    When the day is reconciled again
    Then it waits for a second person
