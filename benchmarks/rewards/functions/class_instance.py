import math


class Reward:
    def __init__(self, verbose=False):
        self.first_racingpoint_index = None
        self.verbose = verbose

    def reward_function(self, params):

        def dist_2_points(x1, x2, y1, y2):
            return abs(abs(x1 - x2) ** 2 + abs(y1 - y2) ** 2) ** 0.5

        def direction(p, q):
            return math.degrees(math.atan2(q[1] - p[1], q[0] - p[0]))

        if self.first_racingpoint_index is None or params['steps'] == 2:
            self.first_racingpoint_index = params['closest_waypoints'][0]
            self.start = (params['x'], params['y'])
        driven = dist_2_points(self.start[0], params['x'], self.start[1], params['y'])
        waypoints = params['waypoints']
        behind, ahead = params['closest_waypoints']
        off = abs(direction(waypoints[behind], waypoints[ahead]) - params['heading'])
        off = min(off, 360 - off)
        if self.verbose == True:
            print("driven", driven)
        if off > 30 or params['is_offtrack']:
            return 1e-3
        return float(max(1e-3, 0.1 * driven + params['speed'] * math.cos(math.radians(off))))


reward_object = Reward(verbose=False)


def reward_function(params):
    return reward_object.reward_function(params)
