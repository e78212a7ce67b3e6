"""Pictures: from files to arrays and back, their size, what ages and degrades them."""
