"""Runs a command with one Vulkan driver and no other: with_driver.py DRIVER_FILE COMMAND...; 77 where there is none."""
import json
import os
import subprocess
import sys

SKIPPED = 77


def pin(driver_file):
    """Makes the driver that this file names the only one, for this process and what it starts."""
    try:
        with open(driver_file) as f:
            library = json.load(f)["ICD"]["library_path"]
    except OSError:
        library = None
    if not library or not os.path.isfile(library):
        print(f"skipped: {driver_file} names no driver; ./fulmar.sh test fetches what the system does not have", flush=True)
        sys.exit(SKIPPED)
    os.environ["VK_DRIVER_FILES"] = os.environ["VK_ICD_FILENAMES"] = driver_file  # the second for old loaders


if __name__ == "__main__":
    pin(sys.argv[1])
    sys.exit(subprocess.run(sys.argv[2:]).returncode)
