"""convnets.train: the loop gives what it promises, in scripts and in a notebook that somebody looks at."""

import re
import signal
import threading
import time
from itertools import chain

import numpy as np
import pytest
import torch
from jupyter_client.manager import start_new_kernel
from torch import nn
from torch.nn.functional import cross_entropy

from convnets.train import device, evaluate, fit, one_cycle, predict, seed_everything


def squares(count, seed=0):
    """Images with a bright square at the left (class 0) or at the right (class 1)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    images = rng.normal(0, 0.5, (count, 1, 8, 8)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        image[0, 2:5, 1 + 4 * label : 4 + 4 * label] += 2
    return torch.from_numpy(images), torch.from_numpy(labels)


def small_net(dropout=0.0, seed=0):
    seed_everything(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(dropout), nn.Linear(144, 2)
    )


def sgd(net, lr=0.02):
    return torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)


def test_it_learns_and_records_every_epoch_and_step():
    net = small_net()
    train, validation = squares(200), squares(100, seed=1)
    before = evaluate(net, validation)[1]
    history = fit(net, train, validation, epochs=3, optimizer=sgd(net), batch_size=32)
    assert history.validation_accuracy[-1] > 0.97 > before
    assert history.train_accuracy[-1] > 0.97
    assert history.train_loss[0] > history.train_loss[-1]
    for values in (history.train_loss, history.validation_loss, history.seconds):
        assert len(values) == 3 and all(type(value) is float for value in values)
    assert len(history.step_loss) == 3 * 7
    assert history.train_loss[1] == pytest.approx(np.mean(history.step_loss[7:14]))
    assert (history.validation_loss[-1], history.validation_accuracy[-1]) == pytest.approx(evaluate(net, validation))
    assert not history.stopped and not history.running and history.device == str(device())


def test_it_is_plain_gradient_descent():
    """One epoch with one batch is one step: weights − learning rate × gradient."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    images, labels = squares(40)
    weight = net[1].weight.detach().clone().requires_grad_()
    loss = cross_entropy(images.flatten(1) @ weight.T + net[1].bias.detach(), labels)
    (gradient,) = torch.autograd.grad(loss, weight)
    history = fit(net, (images, labels), epochs=1, optimizer=torch.optim.SGD(net.parameters(), lr=0.5), batch_size=40)
    torch.testing.assert_close(net[1].weight, weight - 0.5 * gradient)
    assert history.step_loss == pytest.approx([loss.item()])
    assert history.validation_loss == [None] and history.validation_accuracy == [None]


def test_same_seed_same_result_other_seed_other_result():
    def losses(seed):
        net = small_net(dropout=0.5)
        torch.rand(seed + 1)  # what was drawn before does not matter
        return fit(net, squares(60), epochs=2, optimizer=sgd(net), batch_size=16, seed=seed).step_loss

    assert losses(3) == losses(3) != losses(4)


def test_every_image_is_seen_once_an_epoch_in_batches_of_equal_size():
    seen = []

    class Recorder(nn.Linear):
        def forward(self, x):
            if self.training:
                seen.append(x[:, 0].tolist())
            return super().forward(x)

    images = torch.arange(65.0)[:, None]
    net = Recorder(1, 2)
    fit(net, (images, torch.zeros(65, dtype=torch.int64)), epochs=2, optimizer=sgd(net, 1e-6), batch_size=16)
    assert [len(batch) for batch in seen] == [13] * 10
    first, second = (list(chain.from_iterable(batches)) for batches in (seen[:5], seen[5:]))
    assert sorted(first) == sorted(second) == list(range(65)) and first != second


def test_schedule_gets_the_progress_and_the_learning_rate_comes_back():
    asked, used = [], []

    def half(progress):
        asked.append(progress)
        return 0.5

    class Watched(torch.optim.SGD):
        def step(self, *arguments):
            used.append(self.param_groups[0]["lr"])
            return super().step(*arguments)

    net = small_net()
    optimizer = Watched(net.parameters(), lr=0.1)
    fit(net, squares(40), epochs=2, optimizer=optimizer, batch_size=10, schedule=half)
    assert asked == pytest.approx([0, 1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8, 6 / 8, 7 / 8])
    assert used == [0.05] * 8
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_one_cycle_rises_and_falls():
    assert [one_cycle(p) for p in (0, 0.125, 0.25, 0.625, 1)] == pytest.approx([0, 0.5, 1, 0.5, 0])
    assert one_cycle(0.05, warmup=0.1) == pytest.approx(0.5)


def test_mixed_precision_and_channels_last_learn_too():
    net = small_net()
    history = fit(net, squares(200), squares(100, 1), epochs=3, optimizer=sgd(net), amp=True, channels_last=True)
    assert history.validation_accuracy[-1] > 0.9
    assert net[0].weight.dtype == torch.float32
    assert net[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_predict_and_evaluate_leave_the_network_as_it_was():
    net = small_net(dropout=0.5).train()
    images, labels = squares(30)
    running_mean = net[1].running_mean.clone()
    logits = predict(net, images, batch_size=7)
    assert logits.shape == (30, 2) and logits.dtype == torch.float32 and not logits.requires_grad
    assert torch.equal(logits, predict(net, images)) or torch.allclose(logits, predict(net, images), atol=1e-6)
    assert net.training and torch.equal(net[1].running_mean, running_mean)
    loss, accuracy = evaluate(net, (images, labels))
    assert loss == pytest.approx(cross_entropy(logits, labels).item(), abs=1e-6)
    assert accuracy == pytest.approx((logits.argmax(1) == labels).float().mean().item())


def test_one_line_per_epoch_on_stdout_and_nothing_on_stderr(capfd):
    net = small_net()
    fit(net, squares(50), squares(20, 1), epochs=2, optimizer=sgd(net))
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert len(lines) == 2 and err == ""
    assert re.match(
        r"epoch 1/2   train loss \d\.\d{3}, accuracy +\d+\.\d%   validation loss .*, \d+:\d\d left", lines[0]
    )


# Checkpoints


def test_going_on_from_a_checkpoint_is_as_if_never_interrupted(tmp_path, capsys):
    def run(epochs, **more):
        net = small_net(dropout=0.3)
        history = fit(net, squares(80), squares(40, 1), epochs=epochs, optimizer=sgd(net), batch_size=16, **more)
        return net, history

    whole_net, whole = run(4)
    run(2, checkpoint=tmp_path / "runs" / "net.pt")
    resumed_net, resumed = run(4, checkpoint=tmp_path / "runs" / "net.pt")
    assert "after epoch 2" in capsys.readouterr().out
    assert resumed.step_loss == whole.step_loss and resumed.validation_loss == whole.validation_loss
    for ours, theirs in zip(resumed_net.state_dict().values(), whole_net.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)
    done_net, done = run(4, checkpoint=tmp_path / "runs" / "net.pt")
    assert done.train_loss == whole.train_loss and torch.equal(done_net[0].weight, whole_net[0].weight)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["net.pt"]


def test_checkpoints_that_cannot_be_used(tmp_path):
    path = tmp_path / "net.pt"

    def run(net):
        fit(net, squares(20), epochs=2, optimizer=sgd(net), checkpoint=path)

    run(small_net())
    with pytest.raises(ValueError, match=r"another network or optimizer\. Delete it or give another path"):
        run(nn.Sequential(nn.Flatten(), nn.Linear(64, 2)))
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match="damaged or no checkpoint"):
        run(small_net())
    (tmp_path / "file").write_text("not a folder")
    path = tmp_path / "file" / "net.pt"
    with pytest.raises(ValueError, match="Cannot write the checkpoint"):
        run(small_net())


# Bad input


@pytest.mark.parametrize(
    "train, message",
    [
        ((np.zeros((4, 1, 8, 8)), np.zeros(4)), "pair .* of torch tensors"),
        (torch.zeros(4, 1, 8, 8), "pair"),
        ((torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64)), "images are torch.uint8"),
        ((torch.zeros(4, 1, 8, 8), torch.zeros(4)), "labels are torch.float32"),
        ((torch.zeros(4, 1, 8, 8), torch.zeros(3, dtype=torch.int64)), "4 images and 3 labels"),
        ((torch.zeros(0, 1, 8, 8), torch.zeros(0, dtype=torch.int64)), "at least 1"),
    ],
)
def test_data_that_does_not_fit(train, message):
    net = small_net()
    with pytest.raises(ValueError, match=message):
        fit(net, train, epochs=1, optimizer=sgd(net))


def test_an_optimizer_of_another_model():
    with pytest.raises(ValueError, match="none of this model's weights"):
        fit(small_net(), squares(10), epochs=1, optimizer=sgd(small_net()))


@pytest.mark.parametrize("numbers", [{"epochs": 0}, {"epochs": 1, "batch_size": 0}])
def test_numbers_that_make_no_sense(numbers):
    net = small_net()
    with pytest.raises(ValueError, match="at least 1"):
        fit(net, squares(10), optimizer=sgd(net), **numbers)


# Stopping


def slow(net, seconds=0.02):
    net.register_forward_hook(lambda *_: time.sleep(seconds))
    return net


def test_background_training_is_waited_for_and_stops_when_told():
    net = slow(small_net())
    history = fit(net, squares(100), epochs=1000, optimizer=sgd(net), batch_size=10, background=True)
    assert history.running
    with pytest.raises(ValueError, match="being trained already"):
        fit(net, squares(10), epochs=1, optimizer=sgd(net))
    time.sleep(0.5)
    history.stop()
    asked = time.perf_counter()
    assert history.stopped and len(history.train_loss) < 1000
    assert time.perf_counter() - asked < 1
    assert len(history.step_loss) > 0 and not history.running
    fit(net, squares(10), epochs=1, optimizer=sgd(net))


def test_an_error_in_the_background_is_raised_where_it_is_waited_for():
    class Broken(nn.Linear):
        def forward(self, x):
            raise NotImplementedError("yours to write")

    net = Broken(64, 2)
    history = fit(net, squares(10), epochs=1, optimizer=sgd(net), background=True)
    with pytest.raises(NotImplementedError, match="yours to write"):
        history.wait()


def test_interrupting_is_stopping():
    net = slow(small_net())
    timer = threading.Timer(0.5, lambda: signal.raise_signal(signal.SIGINT))
    timer.start()
    history = fit(net, squares(100), epochs=1000, optimizer=sgd(net), batch_size=10)
    timer.join()
    assert history.stopped and len(history.train_loss) < 1000 and len(history.step_loss) > 0


# In a kernel

CLICK = {"method": "custom", "content": {"type": "stop"}}  # what an anywidget's model.send({type: "stop"}) sends
PREPARE = """
import sys, threading, time, types, torch
from torch import nn
from convnets.train import fit
import convnets.training.report
from comm import create_comm
widgets = sys.modules["convnets.widgets"] = types.ModuleType("convnets.widgets")
updates = []
class Panel:
    "Stands in for the training panel: keeps what it is told, and hears Stop over a comm, as a widget does."
    def __init__(self):
        self.comm = create_comm(target_name="stop-button")
    def update(self, progress):
        updates.append(progress)
    def on_stop(self, callback):
        self.comm.on_msg(lambda message: callback())
    def __repr__(self):
        return "the panel"
widgets.training_panel = Panel
net = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
net.register_forward_hook(lambda *_: time.sleep(0.005))
threads = set()
net.register_forward_hook(lambda *_: threads.add(threading.current_thread().name))
data = torch.randn(100, 1, 8, 8), torch.randint(0, 2, (100,))
def train(epochs, **more):
    updates.clear(); threads.clear()
    sgd = torch.optim.SGD(net.parameters(), lr=0.1)
    return fit(net, data, data, epochs=epochs, optimizer=sgd, batch_size=20, **more)
"""


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel(kernel_name="python3")
    kernel = Kernel(manager, client)
    kernel.run(PREPARE)
    yield kernel
    client.stop_channels()
    manager.shutdown_kernel(now=True)


class Kernel:
    """Talks to a kernel as JupyterLab does: comm messages over a subshell of their own."""

    def __init__(self, manager, client):
        self.manager, self.client = manager, client

    def start(self, code, live=True):
        return self.client.execute(code, allow_stdin=live)

    def finish(self, request, on_message=lambda message: None):
        """Wait for the end of a request; (text on stdout, error message)."""
        out, error = "", ""
        while True:
            message = self.client.get_iopub_msg(timeout=30)
            on_message(message)
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                assert content["name"] == "stdout", content["text"]
                out += content["text"]
            elif kind == "error":
                error = f"{content['ename']}: {content['evalue']}"
            elif kind == "status" and content["execution_state"] == "idle":
                return out, error

    def run(self, code, live=True):
        out, error = self.finish(self.start(code, live))
        assert error == ""
        return out

    def send(self, channel, kind, content, **header):
        message = self.client.session.msg(kind, content)
        message["header"].update(header)
        channel.send(message)
        return message["header"]["msg_id"]

    def subshell(self):
        request = self.send(self.client.control_channel, "create_subshell_request", {})
        while True:
            reply = self.client.get_control_msg(timeout=30)
            if reply["parent_header"]["msg_id"] == request:
                return reply["content"]["subshell_id"]


@pytest.mark.parametrize("prelude", ["", "import os; os.environ['{}'] = '1'; "])
@pytest.mark.parametrize("variable", ["CONVNETS_SYNCHRONOUS", "NBGRADER_EXECUTION"])
def test_where_nobody_looks_training_runs_in_place_and_prints(kernel, prelude, variable):
    prelude = prelude.format(variable)
    forget = f"\nimport os; os.environ.pop({variable!r}, None)"
    out = kernel.run(f"{prelude}history = train(2); print(threads, updates){forget}", live=bool(prelude))
    assert "epoch 2/2" in out and "{'MainThread'} []" in out


def test_where_somebody_looks_training_has_a_thread_and_a_panel(kernel):
    out = kernel.run(
        "history = train(8); print(threads, history.running, len(history.train_loss), updates[-1]['status'])"
    )
    assert out == "{'convnets-training'} False 8 done\n"
    update = eval(kernel.run("print(updates[-1])"))
    assert (update["epoch"], update["epochs"], update["step"], update["steps"]) == (8, 8, 40, 40)
    assert update["train_loss"][0][0] == 1 and update["train_loss"][-1][0] == 40 and update["seconds_left"] == 0
    assert [point[0] for point in update["validation"]] == list(range(1, 9))
    assert kernel.run("print(all(u['status'] == 'running' for u in updates[:-1]), len(updates) >= 9)") == "True True\n"


def test_the_panel_can_be_asked_for_or_left_out(kernel):
    assert "epoch 2/2" in kernel.run("history = train(2, panel=False); print(updates)")
    assert kernel.run("history = train(2, panel=True); print(updates[-1]['status'])", live=False) == "done\n"


def test_a_running_history_is_waited_for_by_the_next_cell(kernel):
    assert kernel.run("history = train(20, background=True); print(history.running)") == "True\n"
    assert kernel.run("print(len(history.train_loss))") == "20\n"


ENDLESS = "history = train(100000); print(history.stopped, len(history.step_loss) > 0, updates[-1]['status'])"


@pytest.mark.parametrize("over_subshell", [True, False], ids=["JupyterLab", "frontend without subshells"])
def test_the_stop_button_is_heard_while_the_cell_runs(kernel, over_subshell):
    header = {"subshell_id": kernel.subshell()} if over_subshell else {}
    clicked = []

    def click(message):
        if message["msg_type"] == "comm_open" and message["content"]["target_name"] == "stop-button":
            time.sleep(0.5)
            comm_msg = {"comm_id": message["content"]["comm_id"], "data": CLICK}
            kernel.send(kernel.client.shell_channel, "comm_msg", comm_msg, **header)
            clicked.append(time.perf_counter())

    out, error = kernel.finish(kernel.start(ENDLESS), click)
    assert time.perf_counter() - clicked[0] < 1
    assert (out, error) == ("True True stopped\n", "")


def test_interrupting_the_cell_keeps_what_was_learned(kernel):
    def interrupt(message):
        if message["msg_type"] == "display_data":
            time.sleep(0.5)
            kernel.manager.interrupt_kernel()

    assert kernel.finish(kernel.start(ENDLESS), interrupt) == ("True True stopped\n", "")


def test_an_error_in_the_network_is_shown_in_the_cell(kernel):
    _, error = kernel.finish(
        kernel.start("net = nn.Linear(3, 2); fit(net, data, epochs=1, optimizer=torch.optim.SGD(net.parameters(), 1))")
    )
    assert error.startswith("RuntimeError: mat1 and mat2 shapes cannot be multiplied")
    assert kernel.run("print(updates[-1]['status'])") == "ended by an error\n"
