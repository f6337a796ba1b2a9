"""Fetches published packages for tests: `pypi FOLDER PACKAGE...` or, for the openai client, `npm FOLDER NPM`.

Does nothing where a folder already has its package; exits with 77 (skipped) where it cannot be had.
"""
import pathlib
import shutil
import subprocess
import sys
import venv

SKIPPED = 77


def run(words, **options):
    """The command's success; its output is shown, since a skipped test should say why."""
    return subprocess.run([str(word) for word in words], **options).returncode == 0


def fetch_pypi(folder, packages):
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if python.exists() and run([python, "-c", f"import {', '.join(packages)}"], stderr=subprocess.DEVNULL):
        return True
    venv.create(folder, system_site_packages=True, with_pip=True, clear=True)
    return run([python, "-m", "pip", "install", "--quiet", *packages])


def fetch_npm(folder, npm):
    if (folder / "node_modules" / "openai" / "package.json").exists():
        return True
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true, "type": "module"}\n')
    return run([npm, "install", "--no-audit", "--no-fund", "--silent", "openai"], cwd=folder)


def main():
    kind, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    fetched = fetch_pypi(folder, sys.argv[3:]) if kind == "pypi" else fetch_npm(folder, sys.argv[3])
    if not fetched:
        shutil.rmtree(folder, ignore_errors=True)
        print(f"the package from {kind} could not be fetched; the tests that use it will be skipped")
        sys.exit(SKIPPED)


if __name__ == "__main__":
    main()
