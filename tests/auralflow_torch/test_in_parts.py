import torch

from auralflow_torch.layers import in_parts as module


def test_rows_come_a_few_at_a_time_where_no_gradient_is_kept(monkeypatch):
    monkeypatch.setattr(module, "PART", 30)
    x, seen = torch.arange(14.0).reshape(7, 2), []

    def double(rows):
        seen.append(len(rows))
        return 2 * rows

    for mode, expected in ((torch.inference_mode(), [3, 3, 1]), (torch.enable_grad(), [7])):
        seen.clear()
        with mode:
            found = module.in_parts(double, x, 10)
        assert torch.equal(found, 2 * x) and seen == expected
