"""The campaigns service: coupons, prices, RFM profiles, segments, automations."""
