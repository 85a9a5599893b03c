Feature: Stall
  Scenario: Selling bread
    Given a stall with 3 loaves
    When somebody buys 1
    Then 2 are left

  Scenario: Selling too much
    Given a stall with 1 loaves
    When somebody buys 3
    Then 0 are left

  Scenario Outline: Selling
    Given a stall with <start> loaves
    When somebody buys <sold>
    Then <left> are left

    Examples:
      | start | sold | left |
      | 5     | 2    | 3    |
      | 4     | 4    | 0    |

  Scenario: leak of orders
    Given a stall with 3 loaves
    When an order is kept
    Then 3 are left
