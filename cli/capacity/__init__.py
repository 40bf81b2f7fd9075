"""`kehu capacity`: what a rate of orders needs, from what one order was measured to cost."""
