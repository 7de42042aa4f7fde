"""Back-propagation and gradient descent by hand, checked against Paddle (course slides, BUPT summer course 2024)."""
