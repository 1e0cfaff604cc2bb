Feature: The 1-fen switch
  In tests real wallets pay one fen; what is owed stays what it is.

  Background:
    Given the operators turn the 1-fen switch on

  Scenario Outline: One fen is charged, the whole amount is owed
    Given a paid order of 88.88 yuan with <provider>
    Then the payer is charged 0.01 yuan once
    And the order is of 88.88 yuan

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |

  Scenario Outline: The fen goes back with the last part
    Given a paid order of 88.88 yuan with <provider>
    And the shop refunds 80.00 yuan
    And nothing goes back to the payer
    And 80.00 yuan of the order are refunded
    When the shop refunds 8.88 yuan
    Then 88.88 yuan of the order are refunded
    And the payer has 0.01 yuan back

    Examples:
      | provider   |
      | WeChat Pay |
      | Alipay     |
