Feature: Callbacks
  Providers call back when money moved. Calls get lost, come twice, late, or from a stranger.

  Scenario Outline: A lost callback is made good by asking
    Given an open order of 88.88 yuan with <provider>
    And <provider>'s callbacks get lost
    And the payer pays
    When a minute passes
    Then the order is paid
    And the shop is told once that the order is paid

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: A callback comes twice
    Given an open order of 88.88 yuan with <provider>
    And <provider>'s callbacks come twice
    When the payer pays
    Then the order is paid
    And the shop is told once that the order is paid

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: A callback comes when everything is known
    Given an open order of 88.88 yuan with <provider>
    And <provider>'s callbacks get lost
    And the payer pays
    And a minute passes
    And the order is paid
    When the callback arrives at last
    Then the order is paid
    And the shop is told once that the order is paid

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: A stranger's word is worth nothing
    Given an open order of 88.88 yuan with <provider>
    When a stranger claims that the order is paid
    Then the claim is refused
    And the order is open
    And nothing has been announced

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: A stranger calls before the provider does
    Given an open order of 88.88 yuan with <provider>
    And a stranger calls before <provider> does
    When the payer pays
    Then the order is paid
    And the shop is told once that the order is paid
    And no operator is told of anything

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |
