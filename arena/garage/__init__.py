"""What turns an entrant's files into laps: sandbox, training, policies, racing. No database, no Flask.

`sources` and `settings` judge the uploaded files without running anything; `sandbox` starts and feeds the
child process in `host`, the only file in which entrant code is executed; `training` drives stable-baselines3
(the only file that imports torch); `policy` and `racing` need neither torch nor the reward function: races
are driven by weights alone.
"""
