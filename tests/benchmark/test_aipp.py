"""The .config of AIPP: what it sets, and that a mistake in it is named."""

import pytest

from builders.aipp import aipp_config
from trueness.benchmark.aipp import calls
from trueness.errors import UsageError


def test_defaults_are_those_of_an_image_taken_as_it_is(tmp_path):
    found = dict(calls(str(aipp_config(tmp_path)), 3))
    assert found == {
        "aipp_set_input_format": "RGB888_U8",
        "aipp_set_src_image_size": [2, 2],
        "aipp_set_max_batch_size": 3,
        "aipp_set_rbuv_swap_switch": 0,
        "aipp_set_ax_swap_switch": 0,
        "aipp_set_csc_params": [0] * 16,
        "aipp_set_crop_params": [0, 0, 0, 416, 416],
        "aipp_set_padding_params": [0] * 5,
        "aipp_set_dtc_pixel_mean": [0] * 4,
        "aipp_set_dtc_pixel_min": [0.0] * 4,
        "aipp_set_pixel_var_reci": [0.0] * 4,
    }


def test_everything_can_be_switched_on(tmp_path):
    values = {
        "csc_switch": "1",
        "matrix_r2c2": "-32677",
        "output_bias_0": "16",
        "input_bias_2": "9",
        "crop": "1",
        "load_start_pos_h": "5",
        "crop_size_w": "100",
        "crop_size_h": "50",
        "padding": "1",
        "left_padding_size": "32",
        "rbuv_swap_switch": "1",
        "var_reci_chn_0": "0.0039",
        "min_chn_3": "1.5",
    }
    found = dict(calls(str(aipp_config(tmp_path, **values)), 1))
    assert found["aipp_set_csc_params"] == [1, *[0] * 8, -32677, 16, 0, 0, 0, 0, 9]
    assert found["aipp_set_crop_params"] == [1, 0, 5, 100, 50]
    assert found["aipp_set_padding_params"] == [1, 0, 0, 32, 0]
    assert found["aipp_set_rbuv_swap_switch"] == 1
    assert found["aipp_set_pixel_var_reci"] == [0.0039, 0, 0, 0]
    assert found["aipp_set_dtc_pixel_min"] == [0, 0, 0, 1.5]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"input_format": "RGB"}, "input_format is 'RGB'; give one of YUV420SP_U8"),
        ({"input_format": ""}, "input_format is ''"),
        ({"src_image_size_w": "1"}, "src_image_size_w is 1; it has to be from 2 to 4096"),
        ({"src_image_size_h": ""}, "src_image_size_h is missing"),
        ({"csc_switch": "2"}, "csc_switch is 2; it has to be from 0 to 1"),
        ({"csc_switch": "1", "matrix_r2c2": "32677"}, "from -32677 to 32676"),
        ({"crop": "1"}, "crop_size_w is 0; it has to be from 1"),
        ({"var_reci_chn_0": "nan"}, "var_reci_chn_0 is nan"),
        ({"mean_chn_0": "much"}, "mean_chn_0 is 'much', which is no number"),
    ],
)
def test_mistakes_are_named(tmp_path, values, message):
    with pytest.raises(UsageError, match=message):
        calls(str(aipp_config(tmp_path, **values)), 1)


def test_files_that_are_no_config(tmp_path, caplog):
    path = tmp_path / "aipp.config"
    for content, message in ((b"[other]\na : 1", r"no section \[aipp_op\]"), (b"\xff", "no ini")):
        path.write_bytes(content)
        with pytest.raises(UsageError, match=message):
            calls(str(path), 1)
    calls(str(aipp_config(tmp_path, misspelt="1")), 1)
    assert "not used: misspelt" in caplog.text
