// What is said about the way to a server, read for what to show.

/** The exit code of a shell that could not be reached or was lost, as ssh(1) has it. */
const LOST = 255

/** Whether it ended for what was last said about its connection, and not by itself. */
export function isFailure(code: number, said: string): boolean {
  return code === LOST && said !== ''
}

export interface Reason {
  text: string
  /** The server's key is not the one that is accepted: in no case go on without a look. */
  changed: boolean
  /** As `ssh-keygen -l` prints them, in the order of the text. */
  fingerprints: string[]
}

export function readReason(text: string): Reason {
  const fingerprints = [...new Set(text.match(/SHA256:[A-Za-z0-9+/]{43}=?/g) ?? [])]
  const about = /host[ _]key/i.test(text)
  const changed =
    about && /chang|differ|mismatch|does not match|not the (pinned|accepted)|other than/i.test(text)
  return { text, changed, fingerprints }
}

/** Seconds until a question expires, by this page's clock. */
export function secondsLeft(expires: string, now: number): number {
  const at = Date.parse(expires)
  return Number.isNaN(at) ? 0 : Math.max(0, Math.ceil((at - now) / 1000))
}
