"""An application on top of two installed packages."""
