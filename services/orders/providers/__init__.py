"""Payment providers: who takes the buyers' money, each behind the same port."""
