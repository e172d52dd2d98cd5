"""What a session runs on the device: standard library only, Python 3.9 syntax, sent as text.

`edgekit_devices.session` sends these modules over the connection; nothing of them is kept on the device.
"""
