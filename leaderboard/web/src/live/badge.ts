/** The small "live / reconnecting" sign of an island that listens to a room. */

import { element, setText } from "../dom";
import type { ConnectionState } from "./connection";

const WORDS: Record<ConnectionState, string> = {
  connecting: "connecting",
  live: "live",
  reconnecting: "reconnecting",
  refused: "not live",
};

export class ConnectionSign {
  private readonly sign = element("span", { class: "connection", "data-state": "connecting" }, "connecting");

  constructor(host: Element) {
    (host.querySelector("[data-connection]") ?? host).prepend(this.sign);
  }

  show(state: ConnectionState, reason?: string): void {
    this.sign.dataset["state"] = state;
    this.sign.title = reason ?? "";
    setText(this.sign, WORDS[state]);
  }
}
