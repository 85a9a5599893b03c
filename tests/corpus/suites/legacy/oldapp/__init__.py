"""An old application that silences warnings one by one; its suite runs without pytest's warnings plugin."""
