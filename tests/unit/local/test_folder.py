from pathlib import Path

import pytest

from deploy.local.folder import Folder
from deploy.local.problem import Problem


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Problem, match=r"can't be made .+; make its parent folder writable"):
        Folder(tmp_path / "file" / ".run").make()


def test_a_folder_of_another_user_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Folder(tmp_path).make()
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)

    with pytest.raises(Problem, match=r"belongs to .+, who ran the suite before"):
        Folder(tmp_path).make()
