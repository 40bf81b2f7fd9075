"""旺店通 (旗舰版): the orders of a merchant's shops on many platforms."""
