"""Photos that are sent to a server."""

import io

from PIL import Image


def png(width=40, height=30):
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, "PNG")
    return file.getvalue()


def send(client, *photos, wait=20, **data):
    files = [("photo", (name, content, "image/png")) for name, content in photos]
    return client.post(f"/v1/reconstruct?wait={wait}", files=files, data=data)
