import { useTranslation } from 'react-i18next'
import type { Server, ServerStatus } from '../api/servers.ts'
import { Dot, type Tone } from '../parts/state.tsx'

const TONES: Record<ServerStatus, Tone> = { online: 'good', offline: 'bad', unknown: 'done' }

export function Status({ server }: { server: Pick<Server, 'status'> }) {
  const { t } = useTranslation()
  // A state of a newer server is none that could be named here.
  const status = server.status in TONES ? server.status : 'unknown'
  return <Dot tone={TONES[status]}>{t(`servers.status.${status}`)}</Dot>
}

/** `host`, or `host:port` when the port is not the usual one. */
export function addressWords(server: Pick<Server, 'host' | 'port'>): string {
  if (server.port === 22) return server.host
  return server.host.includes(':') ? `[${server.host}]:${server.port}` : `${server.host}:${server.port}`
}
