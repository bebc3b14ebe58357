"""The few checks that the condition language cannot say."""
