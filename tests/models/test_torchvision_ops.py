import subprocess
import sys

BROKEN = """
import importlib, sys, types
import torch
real = importlib.import_module
failed = []
def refuse_once(name, *args):
    if name == "torchvision" and not failed:
        failed.append(name)
        sys.modules["torchvision.half"] = types.ModuleType("torchvision.half")
        raise RuntimeError("operator torchvision::nms does not exist")
    return real(name, *args)
importlib.import_module = refuse_once
"""


def run(code):
    return subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)


def test_timm_and_lightning_import_after_timm_ready_however_often_it_is_called():
    done = run(
        "from cartopath.models import timm_ready\ntimm_ready()\ntimm_ready()\nimport timm, lightning, torchmetrics\nprint('all')"
    )
    assert done.stdout == "all\n", done.stderr


def test_another_failure_of_torchvision_is_not_hidden():
    code = BROKEN.replace("operator torchvision::nms does not exist", "no space left on device")
    done = run(code + "from cartopath.models import timm_ready\ntimm_ready()")
    assert "no space left on device" in done.stderr
