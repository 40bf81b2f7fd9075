"""A service small enough for the tests of kit: it listens to orders and writes down what it hears."""
