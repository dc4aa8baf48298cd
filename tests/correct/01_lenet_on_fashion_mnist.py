"""Other right solutions of lab 01, written differently on purpose."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.functional import cross_entropy

from autograder.units import exercises, import_unit

notebook = import_unit("01_lenet_on_fashion_mnist")
exercises("01_lenet_on_fashion_mnist")
MEAN, STD, to_tensor, trained = notebook.MEAN, notebook.STD, notebook.to_tensor, notebook.trained


def to_tensor_numpy(images, mean=MEAN, std=STD):
    scaled = (images.astype(np.float32) / 255 - np.float32(mean)) / np.float32(std)
    return torch.from_numpy(scaled[:, np.newaxis])


def to_tensor_in_place_on_a_copy(images, mean=MEAN, std=STD):
    x = torch.tensor(images, dtype=torch.float32)[:, None]
    return x.div_(255).sub_(mean).div_(std)


def to_tensor_one_by_one(images, mean=MEAN, std=STD):
    return torch.stack([torch.from_numpy((image[None] / 255 - mean) / std).float() for image in images])


class LeNetFunctional(nn.Module):
    def __init__(self, width=1, dropout=0.0):
        super().__init__()
        self.p = dropout
        self.c1 = nn.Conv2d(1, 6 * width, 5, padding="same")
        self.c2 = nn.Conv2d(6 * width, 16 * width, (5, 5))
        self.f1, self.f2, self.f3 = nn.Linear(400 * width, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2, stride=2)
        x = F.max_pool2d(F.relu(self.c2(x)), 2)
        x = x.reshape(x.shape[0], -1)
        x = F.dropout(F.relu(self.f1(x)), self.p, training=self.training)
        return self.f3(F.relu(self.f2(x)))


class LeNetBackwards(nn.Module):
    def __init__(self, width=1, dropout=0.0):
        super().__init__()
        self.out = nn.Linear(84, 10)
        self.hidden = nn.ModuleList([nn.Linear(120, 84), nn.Linear(5 * 5 * 16 * width, 120)])
        self.forget = nn.Dropout(dropout)
        self.convolutions = nn.ModuleDict({"two": nn.Conv2d(6 * width, 16 * width, 5), "one": nn.Conv2d(1, 6 * width, 5, 1, 2)})

    def forward(self, images):
        x = self.convolutions["one"](images)
        x = F.max_pool2d(x, 2).clamp(min=0)
        x = F.max_pool2d(self.convolutions["two"](x), 2).clamp(min=0)
        x = self.forget(self.hidden[1](x.flatten(1)).clamp(min=0))
        return self.out(self.hidden[0](x).clamp(min=0))


class LeNetWithUnfold(nn.Module):
    def __init__(self, width=1, dropout=0.0):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6 * width, 5, padding=2)
        self.conv2 = nn.Conv2d(6 * width, 16 * width, 5)
        hidden = [nn.Linear(400 * width, 120), nn.ReLU(), nn.Dropout(dropout), nn.Linear(120, 84), nn.ReLU()]
        self.fc = nn.Sequential(*hidden, nn.Linear(84, 10))

    def forward(self, x):
        for conv in (self.conv1, self.conv2):
            height, width = x.shape[2] + 2 * conv.padding[0] - 4, x.shape[3] + 2 * conv.padding[1] - 4
            columns = F.unfold(x, 5, padding=conv.padding)
            x = (conv.weight.flatten(1) @ columns + conv.bias[:, None]).reshape(len(x), -1, height, width)
            x = F.relu(x).unflatten(2, (-1, 2)).unflatten(4, (-1, 2)).amax(dim=(3, 5))
        return self.fc(x.flatten(1))


def train_epoch_with_a_while_loop(net, images, labels, optimizer, order, batch_size=64):
    net.train()
    start, losses = 0, []
    while start < len(order):
        rows = order[start : start + batch_size]
        optimizer.zero_grad(set_to_none=False)
        each = cross_entropy(net(images[rows]), labels[rows], reduction="none")
        each.mean().backward()
        optimizer.step()
        losses.extend(each.tolist())
        start += batch_size
    return sum(losses) / len(losses)


def train_epoch_with_log_softmax(net, images, labels, optimizer, order, batch_size=64):
    net.train(True)
    images, labels = images[order], labels[order]
    total = torch.zeros(())
    for x, y in zip(images.split(batch_size), labels.split(batch_size), strict=True):
        loss = -F.log_softmax(net(x), dim=1).gather(1, y[:, None]).mean()
        for parameter in net.parameters():
            parameter.grad = None
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(y)
    return float(total / len(labels))


def train_epoch_clearing_afterwards(net, images, labels, optimizer, order, batch_size=64):
    net.train()
    optimizer.zero_grad()
    criterion, seen, mean = nn.CrossEntropyLoss(), 0, 0.0
    for first in range(0, order.numel(), batch_size):
        picked = order[first : first + batch_size]
        loss = criterion(net(images[picked]), labels[picked])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        seen += len(picked)
        mean += (loss.item() - mean) * len(picked) / seen
    return mean


def classify_in_numpy(images, net=None):
    net = trained if net is None else net
    net.eval()
    return net(to_tensor(images)).detach().numpy().argmax(axis=1)


def classify_in_batches(images, net=None):
    net = trained if net is None else net
    net.train(False)
    with torch.inference_mode():
        return torch.cat([net(batch).softmax(dim=1).max(dim=1).indices for batch in to_tensor(images).split(32)])


def classify_one_by_one(images, net=None):
    net = trained if net is None else net
    net.eval()
    with torch.no_grad():
        return np.array([int(net(to_tensor(image[None]))[0].argsort()[-1]) for image in images])


def confusion_matrix_by_a_loop(labels, predicted, classes):
    matrix = [[0] * classes for _ in range(classes)]
    for true, answer in zip(labels, predicted, strict=True):
        matrix[true][answer] += 1
    return np.array(matrix)


def confusion_matrix_by_bincount(labels, predicted, classes):
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def confusion_matrix_by_one_hot(labels, predicted, classes):
    return np.eye(classes, dtype=int)[labels].T @ np.eye(classes, dtype=int)[predicted]


CORRECT = {
    "to_tensor": [to_tensor_numpy, to_tensor_in_place_on_a_copy, to_tensor_one_by_one],
    "LeNet": [LeNetFunctional, LeNetBackwards, LeNetWithUnfold],
    "train_epoch": [train_epoch_with_a_while_loop, train_epoch_with_log_softmax, train_epoch_clearing_afterwards],
    "classify": [classify_in_numpy, classify_in_batches, classify_one_by_one],
    "confusion_matrix": [confusion_matrix_by_a_loop, confusion_matrix_by_bincount, confusion_matrix_by_one_hot],
}
