"""Every way to explain, by the name that the command line knows it by."""

from bcdetect.explain.cams import EigenCam, GradCam, GradCamPlusPlus, HiResCam, LayerCam, ScoreCam
from bcdetect.explain.gradients import IntegratedGradients, Saliency, SmoothGrad
from bcdetect.explain.method import Method
from bcdetect.explain.occlusion import Occlusion

METHODS: dict[str, Method] = {
    "gradcam": GradCam(),
    "gradcam++": GradCamPlusPlus(),
    "integrated": IntegratedGradients(),
    "occlusion": Occlusion(),
    "hirescam": HiResCam(),
    "layercam": LayerCam(),
    "eigencam": EigenCam(),
    "scorecam": ScoreCam(),
    "saliency": Saliency(),
    "smoothgrad": SmoothGrad(),
}
FOR_PICTURES, FOR_TABLES = "gradcam", "integrated"
