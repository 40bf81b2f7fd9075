"""A provider server of one's own: both real protocols, keys made on the spot, and bad manners on command.

It shares no code with `services.orders.providers`, so that a mistake made there is not made here as well.
"""
