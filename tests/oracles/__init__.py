"""What the counts are compared with: figures from outside, cases worked by hand, a slow twin, random networks."""
