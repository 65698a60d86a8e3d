import { Button } from 'antd'
import { useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/client.ts'
import { useRight } from '../api/me.ts'
import { changeServer, deleteServer, listCredentials, type Server } from '../api/servers.ts'
import { Dialog } from '../parts/dialog.tsx'
import { DialogForm } from '../parts/dialog-form.tsx'
import { Choice, Field } from '../parts/field.tsx'
import { Notice, ProblemNotice, useProblemWords } from '../parts/notice.tsx'
import { useAction, useLoad } from '../parts/use-load.ts'
import { readTags } from './fields.ts'
import { openOn } from './open.ts'
import { recentServers } from './recent.ts'

/** Which credential to open a terminal with. */
export function OpenAs({ server, close }: { server: Server; close: () => void }) {
  const { t } = useTranslation()
  const may = useRight('credential_list')
  const own = server.default_credential
  // Whoever manages them takes any; others what is granted to them there.
  const { data } = useLoad(useCallback(async () => (may ? listCredentials() : []), [may]))
  const [chosen, choose] = useState(() =>
    String(recentServers().find((one) => one.id === server.id)?.credential ?? ''),
  )
  const options: Record<string, string> = {
    '': own ? t('servers.open.default', { name: own.name }) : t('access.choose'),
  }
  for (const one of server.credentials) if (one.id !== own?.id) options[String(one.id)] = one.name
  for (const one of data ?? [])
    if (one.id !== own?.id) options[String(one.id)] = `${one.name} (${one.username})`
  const value = chosen in options ? chosen : ''
  return (
    <DialogForm
      title={t('servers.open.what', { name: server.name })}
      yes={t('servers.open')}
      ready={Boolean(own) || value !== ''}
      act={async () => {
        await openOn(server, value ? Number(value) : null)
        close()
      }}
      close={close}
    >
      <Choice label={t('servers.credential')} options={options} value={value} choose={choose} data-first />
    </DialogForm>
  )
}

/** One after the other; what failed is told by name, the rest is done. */
async function forEach(servers: readonly Server[], act: (server: Server) => Promise<unknown>) {
  const failed: { server: Server; problem: Problem }[] = []
  for (const server of servers) {
    try {
      await act(server)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      failed.push({ server, problem: error })
    }
  }
  return failed
}

type Failed = Awaited<ReturnType<typeof forEach>>

function FailedNotice({ failed }: { failed: Failed }) {
  const words = useProblemWords()
  if (failed.length === 0) return null
  return (
    <Notice tone="bad">
      {failed.map(({ server, problem }) => (
        <p key={server.id}>
          <strong>{server.name}</strong>: {words(problem)}
        </p>
      ))}
    </Notice>
  )
}

export function RemoveServers({
  servers,
  close,
  removed = close,
}: {
  servers: readonly Server[]
  close: () => void
  /** All of them are gone. */
  removed?: () => void
}) {
  const { t } = useTranslation()
  const [failed, setFailed] = useState<Failed>([])
  const { busy, problem, run } = useAction()
  const remove = () =>
    run(async () => {
      const left = await forEach(failed.length > 0 ? failed.map((one) => one.server) : servers, (one) =>
        deleteServer(one.id),
      )
      setFailed(left)
      if (left.length === 0) removed()
    })
  const [first] = servers
  return (
    <Dialog
      title={t('servers.remove.title', { count: servers.length, name: first?.name ?? '' })}
      close={close}
    >
      <p>{t('servers.remove.lead')}</p>
      {servers.length > 1 && (
        <ul className="names">
          {servers.map((one) => (
            <li key={one.id}>{one.name}</li>
          ))}
        </ul>
      )}
      <FailedNotice failed={failed} />
      <ProblemNotice problem={problem} />
      <div className="dialog-actions">
        <Button onClick={close}>{t('form.cancel')}</Button>
        <Button danger type="primary" loading={busy} onClick={remove}>
          {t('servers.remove')}
        </Button>
      </div>
    </Dialog>
  )
}

export function TagServers({ servers, close }: { servers: readonly Server[]; close: () => void }) {
  const { t } = useTranslation()
  const [text, setText] = useState('')
  const [failed, setFailed] = useState<Failed>([])
  const tags = readTags(text)
  const act = async () => {
    const left = await forEach(servers, (server) =>
      changeServer(server.id, { tags: [...new Set([...server.tags, ...tags])] }),
    )
    setFailed(left)
    if (left.length === 0) close()
  }
  return (
    <DialogForm
      title={t('servers.tag.title', { count: servers.length })}
      yes={t('servers.tag.submit')}
      ready={tags.length > 0}
      act={act}
      close={close}
    >
      <Field
        label={t('servers.tags')}
        hint={t('servers.tags.hint')}
        autoFocus
        autoComplete="off"
        spellCheck={false}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <FailedNotice failed={failed} />
    </DialogForm>
  )
}
