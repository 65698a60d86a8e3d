import { Button } from 'antd'
import { useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import {
  addHostKey,
  deleteHostKey,
  type HostKey,
  listHostKeys,
  type PresentedKey,
  type Server,
  scanHostKey,
} from '../api/servers.ts'
import { Ago } from '../parts/ago.tsx'
import { Area } from '../parts/area.tsx'
import { DialogForm } from '../parts/dialog-form.tsx'
import { Fingerprint } from '../parts/fingerprint.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { Sure } from '../parts/sure.tsx'
import { useAction, useLoad } from '../parts/use-load.ts'
import { ShownKey } from './test.tsx'

export const HOST_KEYS = 'host-keys'

/** The keys by which the server is known, and the one it shows now. */
export function HostKeys({ server }: { server: Server }) {
  const { t } = useTranslation()
  const { data, problem, reload } = useLoad(useCallback(() => listHostKeys(server.id), [server.id]))
  const [shown, setShown] = useState<PresentedKey | null>(null)
  const [removing, setRemoving] = useState<HostKey | null>(null)
  const [adding, setAdding] = useState(false)
  const scan = useAction()
  const { manage } = server.may
  return (
    <section id={HOST_KEYS} aria-labelledby="server-keys">
      <header className="part-head">
        <h2 id="server-keys">{t('server.keys')}</h2>
        <span className="gap" />
        <Button
          size="small"
          loading={scan.busy}
          onClick={() => scan.run(async () => setShown(await scanHostKey(server.id)))}
        >
          {t('server.keys.scan')}
        </Button>
        {manage && (
          <Button size="small" onClick={() => setAdding(true)}>
            {t('server.keys.add')}
          </Button>
        )}
      </header>
      <ProblemNotice problem={problem} retry={reload} />
      <ProblemNotice problem={scan.problem} />
      {data?.length === 0 && <p className="soft">{t('server.keys.none')}</p>}
      <ul className="cards">
        {data?.map((key) => (
          <li key={key.id} data-key={key.fingerprint}>
            <div>
              <Fingerprint algorithm={key.algorithm} fingerprint={key.fingerprint} />
              <p className="soft">
                {t('server.keys.by', { name: key.accepted_by })} · <Ago at={key.first_seen} />
              </p>
            </div>
            {manage && (
              <button
                type="button"
                className="quiet danger"
                aria-label={t('server.keys.remove.what', { key: key.algorithm })}
                onClick={() => setRemoving(key)}
              >
                {t('server.keys.remove')}
              </button>
            )}
          </li>
        ))}
      </ul>
      {shown && data && (
        <ShownKey
          server={server}
          shown={shown}
          pinned={data}
          changed={() => {
            setShown(null)
            reload()
          }}
        />
      )}
      {removing && (
        <Sure
          title={t('server.keys.remove.title', { name: server.name })}
          yes={t('server.keys.remove')}
          act={() => deleteHostKey(removing.id)}
          close={() => {
            setRemoving(null)
            reload()
          }}
        >
          <Fingerprint algorithm={removing.algorithm} fingerprint={removing.fingerprint} />
          <p>{t('server.keys.remove.lead')}</p>
        </Sure>
      )}
      {adding && (
        <AddKey
          server={server}
          close={() => {
            setAdding(false)
            reload()
          }}
        />
      )}
    </section>
  )
}

function AddKey({ server, close }: { server: Server; close: () => void }) {
  const { t } = useTranslation()
  const [text, setText] = useState('')
  const act = async () => {
    for (const line of text.split('\n').map((one) => one.trim())) {
      if (line && !line.startsWith('#')) await addHostKey(server.id, line)
    }
    close()
  }
  return (
    <DialogForm
      title={t('server.keys.add')}
      yes={t('server.keys.add.submit')}
      ready={text.trim() !== ''}
      act={act}
      close={close}
    >
      <Area
        label={t('server.keys.text')}
        hint={t('server.keys.text.hint')}
        code
        rows={4}
        data-first
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
    </DialogForm>
  )
}
