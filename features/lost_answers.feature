Feature: Lost answers
  A provider that does not answer has said nothing: nothing is assumed, and it is asked again.

  Scenario Outline: The answer to placing an order is lost
    Given an order of 88.88 yuan to be paid with <provider>
    And <provider>'s answers get lost
    When the order is placed
    Then the order is open
    And the payer has no code yet
    And nothing has been announced

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The same order is placed again until the provider answers
    Given an order of 88.88 yuan to be paid with <provider>
    And <trouble>
    And the order is placed
    When a minute later <provider> works again
    Then the payer has a code to scan
    And <provider> knows of one order

    Examples:
      | provider   | trouble                       |
      | WeChat Pay | WeChat Pay's answers get lost |
      | WeChat Pay | WeChat Pay stops answering    |
      | Alipay     | Alipay's answers get lost     |
      | Alipay     | Alipay stops answering        |

  Scenario Outline: The provider is silent until the order has expired
    Given an order of 88.88 yuan to be paid with <provider>
    And <provider> stops answering
    And the order is placed
    And three hours pass
    And the order is open
    When a minute later <provider> works again
    Then the order is closed
    And <provider> knows of no order

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The callback alone is enough
    Given an open order of 88.88 yuan with <provider>
    And <provider> stops answering
    When the payer pays
    Then the order is paid

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: Neither callback nor answer arrives
    Given an open order of 88.88 yuan with <provider>
    And <provider> stops answering
    And <provider>'s callbacks get lost
    And the payer pays
    When ten minutes pass
    Then the order is open
    And nothing has been announced

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The answer to a refund is lost
    Given a paid order of 88.88 yuan with <provider>
    And <provider>'s answers get lost
    When the shop refunds 30.00 yuan
    Then the refund is under way
    And the shop is told nothing about the refund

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: A refund is repeated until the provider answers, and paid once
    Given a paid order of 88.88 yuan with <provider>
    And <trouble>
    And the shop refunds 30.00 yuan
    When a minute later <provider> works again
    Then the payer gets 30.00 yuan back
    And the shop is told once that the refund has succeeded

    Examples:
      | provider   | trouble                       |
      | WeChat Pay | WeChat Pay's answers get lost |
      | WeChat Pay | WeChat Pay stops answering    |
      | Alipay     | Alipay's answers get lost     |
      | Alipay     | Alipay stops answering        |
