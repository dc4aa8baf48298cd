"""`convnets data`: a line for each data set, with where it was found or how to get it."""

from typer.testing import CliRunner

from convnets.cli import app


def test_every_data_set_is_listed_with_its_place_or_the_way_to_it(tmp_path, monkeypatch):
    monkeypatch.delenv("CONVNETS_DATA", raising=False)
    monkeypatch.setenv("CONVNETS_CACHE", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    result = CliRunner().invoke(app, ["data"])
    assert result.exit_code == 0, result.output
    said = result.output
    assert all(words in said for words in ("Fashion-MNIST small", "comes with the course", "5.3 MB", "MIT", "CIFAR-10", "170.5 MB", "the first call downloads it"))
