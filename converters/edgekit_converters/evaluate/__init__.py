"""Running an exported file under the device's interpreter, and holding it against its source."""
