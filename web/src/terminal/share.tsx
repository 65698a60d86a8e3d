import { type FormEvent, useCallback, useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/client.ts'
import { Ago } from '../parts/ago.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { copyText } from './clipboard.ts'
import {
  createShare,
  DURATIONS,
  durationWords,
  endShare,
  listShares,
  type Share,
  type ShareAccess,
} from './shares.ts'

/** Makes links to one terminal, shows who has used which, and takes them back. */
export function ShareDialog({ uid, name, close }: { uid: string; name: string; close: () => void }) {
  const { t } = useTranslation()
  const [shares, setShares] = useState<Share[] | null>(null)
  const [made, setMade] = useState<{ id: string; url: string } | null>(null)
  const [problem, setProblem] = useState('')

  const trying = useCallback(
    async (what: () => Promise<void>) => {
      setProblem('')
      try {
        await what()
      } catch (error) {
        if (!(error instanceof Problem)) throw error
        setProblem(error.message || t('error.unreachable'))
      }
    },
    [t],
  )
  const load = useCallback(() => trying(async () => setShares(await listShares(uid))), [trying, uid])
  useEffect(() => {
    void load()
  }, [load])

  const make = (access: ShareAccess, minutes: number) =>
    trying(async () => {
      const { share, url } = await createShare(uid, access, minutes)
      setMade({ id: share.id, url })
      setShares((now) => [share, ...(now ?? [])])
    })
  const end = (share: Share) =>
    trying(async () => {
      await endShare(uid, share.id)
      setShares((now) => now?.filter((one) => one.id !== share.id) ?? null)
      setMade((now) => (now?.id === share.id ? null : now))
    })
  return (
    <Dialog title={t('share.title', { name })} close={close} wide>
      <p className="soft">{t('share.lead')}</p>
      <MakeLink make={make} />
      {problem && (
        <p className="field-error" role="alert">
          {problem}
        </p>
      )}
      {made && <MadeLink url={made.url} />}
      <h3>{t('share.list')}</h3>
      {shares === null ? (
        <p className="soft">{problem ? '' : t('share.loading')}</p>
      ) : shares.length === 0 ? (
        <p className="soft">{t('share.none')}</p>
      ) : (
        <ul className="shares">
          {shares.map((share) => (
            <ShareItem key={share.id} share={share} end={() => void end(share)} />
          ))}
        </ul>
      )}
      <div className="dialog-actions">
        <button type="button" className="button" onClick={close}>
          {t('share.done')}
        </button>
      </div>
    </Dialog>
  )
}

function MakeLink({ make }: { make: (access: ShareAccess, minutes: number) => Promise<void> }) {
  const { t } = useTranslation()
  const [access, setAccess] = useState<ShareAccess>('watch')
  const [minutes, setMinutes] = useState<number>(60)
  const [busy, setBusy] = useState(false)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    void make(access, minutes).finally(() => setBusy(false))
  }
  return (
    <form className="share-form" onSubmit={submit}>
      <label>
        <span>{t('share.access')}</span>
        <select value={access} onChange={(event) => setAccess(event.target.value as ShareAccess)}>
          <option value="watch">{t('share.access.watch')}</option>
          <option value="write">{t('share.access.write')}</option>
        </select>
      </label>
      <label>
        <span>{t('share.duration')}</span>
        <select value={minutes} onChange={(event) => setMinutes(Number(event.target.value))}>
          {DURATIONS.map((one) => {
            const { key, count } = durationWords(one)
            return (
              <option key={one} value={one}>
                {t(key, { count })}
              </option>
            )
          })}
        </select>
      </label>
      <button type="submit" className="button primary" disabled={busy}>
        {t('share.make')}
      </button>
      {access === 'write' && <p className="share-warning">{t('share.access.write.warning')}</p>}
    </form>
  )
}

function MadeLink({ url }: { url: string }) {
  const { t } = useTranslation()
  const [copied, setCopied] = useState<boolean | null>(null)
  return (
    <div className="share-link">
      <input readOnly value={url} aria-label={t('share.link')} onFocus={(event) => event.target.select()} />
      <button type="button" className="button" onClick={() => void copyText(url).then(setCopied)}>
        {copied ? t('share.copied') : t('share.copy')}
      </button>
      <p className="soft share-note" role="status">
        {copied === false ? t('share.copy.failed') : t('share.once')}
      </p>
    </div>
  )
}

function ShareItem({ share, end }: { share: Share; end: () => void }) {
  const { t } = useTranslation()
  const guests = share.guests.join(', ')
  return (
    <li>
      <div>
        <strong>{t(`share.kind.${share.access}`)}</strong>{' '}
        <span className="soft">
          {t('share.by', { name: share.created_by })} · <Ago at={share.created} /> ·{' '}
          {t('share.until', { time: new Date(share.expires).toLocaleString() })}
        </span>
        <div>
          {guests ? t('share.guests', { guests }) : <span className="soft">{t('share.unused')}</span>}
        </div>
      </div>
      <button type="button" className="quiet danger" onClick={end}>
        {t('share.end')}
      </button>
    </li>
  )
}
