// The state machine's world in a browser.

import { getSession, Problem } from '../api/client.ts'
import { SUBPROTOCOLS } from './frames.ts'
import type { Host, Wire } from './socket.ts'

export function browserHost(uid: string): Host {
  return {
    connect: (query) => connect(uid, query),
    probe: () => probe(uid),
    now: () => performance.now(),
    after: (milliseconds, then) => {
      const timer = setTimeout(then, milliseconds)
      return () => clearTimeout(timer)
    },
    random: Math.random,
  }
}

function connect(uid: string, query: URLSearchParams): Wire {
  const address = new URL(`/api/pty/sessions/${uid}/ws`, location.href)
  address.protocol = address.protocol.replace('http', 'ws')
  address.search = query.toString()
  const socket = new WebSocket(address, SUBPROTOCOLS)
  socket.binaryType = 'arraybuffer'
  const wire: Wire = {
    send: (data) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(data)
    },
    close: () => socket.close(),
    onopen: null,
    onmessage: null,
    onclose: null,
  }
  socket.onopen = () => wire.onopen?.()
  socket.onmessage = (event) => wire.onmessage?.(event.data)
  socket.onclose = (event) => wire.onclose?.(event.code)
  return wire
}

async function probe(uid: string) {
  try {
    await getSession(uid)
    return 'there' as const
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    if (error.status === 401) return 'login' as const
    if (error.status === 404) return 'gone' as const
    if (error.status === 403) return 'refused' as const
    return 'unreachable' as const
  }
}
