Feature: At the till
  The payer shows a code, the shop scans it, and the money moves with that one call.

  Scenario Outline: The money moves at once
    Given a payer who shows a code of <provider>
    When the shop charges 88.88 yuan
    Then the order is paid
    And the payer is charged 88.88 yuan once
    And the shop is told once that the order is paid

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The payer must type a password
    Given a payer of <provider> who must type a password
    When the shop charges 88.88 yuan
    And the payer types the password
    And ten seconds pass
    Then the order is paid
    And the payer is charged 88.88 yuan once

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The payer has too little money
    Given a payer of <provider> who has too little money
    When the shop charges 88.88 yuan
    Then the order has failed
    And the shop is told once that the order has failed

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The payer never types the password
    Given a payer of <provider> who must type a password
    And the shop charges 88.88 yuan
    When a minute passes
    Then the order is closed
    And the payer can't pay any more
    And the shop is told once that the order is closed

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The answer is lost, and the money had moved
    Given a payer who shows a code of <provider>
    And <provider>'s answers get lost
    And the shop charges 88.88 yuan
    When ten seconds later <provider> works again
    Then the order is paid
    And the payer is charged 88.88 yuan once

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: Nobody knows for too long, so the money goes straight back
    Given a payer who shows a code of <provider>
    And <provider>'s answers get lost
    And <provider>'s callbacks get lost as well
    And the shop charges 88.88 yuan
    And a minute passes
    When ten minutes later <provider> works again
    Then the order is closed
    And the money went straight back
    And the shop is told once that the order is closed

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: A second code waits for the first
    Given a payer of <provider> who must type a password
    And the shop charges 88.88 yuan
    When the shop scans another code
    Then the shop hears that the payment is in progress

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |
