"""Trains regressors: pretrain, twodasl, mgcnet, detail-coarse, monoface."""
