"""What our team breaks and checks beside what hachaos brings."""
