"""Drawing line art: contours, the page that they are inked on, what is drawn."""
