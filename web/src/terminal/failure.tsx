import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/client.ts'
import { listHostKeys } from '../api/servers.ts'
import type { Named } from '../api/types.ts'
import { Fingerprint } from '../parts/fingerprint.tsx'
import { Link } from '../parts/link.tsx'
import { useLoad } from '../parts/use-load.ts'
import { serverAddress } from '../router.ts'
import { useDesk } from './desk.ts'
import { readReason } from './ssh.ts'
import type { Leaf } from './workspace.ts'

/** Why there is no shell (any more), and what to do about it. */
export function Failure({ pane, server, reason }: { pane: Leaf; server: Named | null; reason: string }) {
  const { t } = useTranslation()
  const desk = useDesk()
  const { changed, fingerprints, text } = readReason(reason)
  return (
    <div className={changed ? 'failure changed' : 'failure'} role="alert">
      <h2>
        {changed
          ? t('dial.changed', { name: server?.name ?? '' })
          : t('dial.failed', { name: server?.name ?? '' })}
      </h2>
      <p className="failure-text">{text}</p>
      {changed && (
        <>
          <p>{t('dial.changed.lead')}</p>
          {server && <Fingerprints server={server} shown={fingerprints} />}
        </>
      )}
      <div className="prompt-actions">
        {server && (
          <Link className="quiet" href={`${serverAddress(server.id)}${changed ? '#host-keys' : ''}`}>
            {t(changed ? 'dial.keys' : 'dial.server')}
          </Link>
        )}
        <span className="gap" />
        <button type="button" className="button" onClick={() => desk.close([pane.uid])}>
          {t('terminal.close')}
        </button>
        <button
          type="button"
          className={changed ? 'button' : 'button primary'}
          onClick={() => void desk.again(pane.uid)}
        >
          {t('error.retry')}
        </button>
      </div>
    </div>
  )
}

/** The one it showed beside the accepted ones. */
function Fingerprints({ server, shown }: { server: Named; shown: readonly string[] }) {
  const { t } = useTranslation()
  const load = useCallback(async () => {
    try {
      return await listHostKeys(server.id)
    } catch (error) {
      // Not for everybody: then the words above have to do.
      if (error instanceof Problem) return []
      throw error
    }
  }, [server.id])
  const { data } = useLoad(load)
  const pinned = data ?? []
  const fresh = shown.filter((one) => !pinned.some((key) => key.fingerprint === one))
  return (
    <dl className="prompt-key">
      {fresh.map((one) => (
        <div key={one}>
          <dt>{t('dial.shown')}</dt>
          <dd>
            <Fingerprint algorithm="" fingerprint={one} />
          </dd>
        </div>
      ))}
      {pinned.map((key) => (
        <div key={key.id}>
          <dt>{t('dial.accepted')}</dt>
          <dd>
            <Fingerprint algorithm={key.algorithm} fingerprint={key.fingerprint} />
          </dd>
        </div>
      ))}
    </dl>
  )
}
