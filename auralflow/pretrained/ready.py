"""The ready models there are."""

from auralflow.pretrained.model import ReadyModel
from auralflow.pretrained.openunmix import UMX, UMXHQ, UMXL
from auralflow.pretrained.shipped import shipped
from auralflow.pretrained.spleeter import SPLEETER_2STEMS

READY: dict[str, ReadyModel] = {model.name: model for model in (*shipped(), SPLEETER_2STEMS, UMX, UMXHQ, UMXL)}
DEFAULT = SPLEETER_2STEMS.name  # what separates where no model is named
