import '../styles/servers.css'
import { Button } from 'antd'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useRight } from '../api/me.ts'
import {
  createHostAuthority,
  deleteHostAuthority,
  type HostAuthority,
  listHostAuthorities,
} from '../api/servers.ts'
import { Ago } from '../parts/ago.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Field } from '../parts/field.tsx'
import { Fingerprint } from '../parts/fingerprint.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { Sure } from '../parts/sure.tsx'
import { useAction, useLoad } from '../parts/use-load.ts'
import { KnownHostsImport } from '../servers/known-hosts-import.tsx'
import { Sections } from '../servers/sections.tsx'

/** Whose host keys are accepted without a question: signed ones, and those of a list that one trusts. */
export function HostsPage() {
  const { t } = useTranslation()
  const { data, problem, reload } = useLoad(listHostAuthorities)
  const mayAdd = useRight('host_authority_create')
  const mayRemove = useRight('host_authority_remove')
  const mayImport = useRight('server_import')
  const [adding, setAdding] = useState(false)
  const [removing, setRemoving] = useState<HostAuthority | null>(null)
  return (
    <>
      <title>{`${t('nav.hosts')} · Bastide`}</title>
      <header className="page-head">
        <h1>{t('nav.hosts')}</h1>
        <Sections current="hosts" />
      </header>
      <p className="soft">{t('hosts.lead')}</p>
      <div className="known-hosts">
        <section aria-labelledby="authorities">
          <header className="part-head">
            <h2 id="authorities">{t('hosts.authorities')}</h2>
            <span className="gap" />
            {mayAdd && (
              <Button size="small" onClick={() => setAdding(true)}>
                {t('hosts.add')}
              </Button>
            )}
          </header>
          <p className="soft">{t('hosts.authorities.lead')}</p>
          <ProblemNotice problem={problem} retry={reload} />
          {data?.length === 0 && <p className="soft">{t('hosts.authorities.none')}</p>}
          <ul className="cards">
            {data?.map((one) => (
              <li key={one.id} data-authority={one.name}>
                <div>
                  <strong>{one.name}</strong>
                  <p>
                    <Fingerprint algorithm={one.key.split(' ')[0] ?? ''} fingerprint={one.fingerprint} />
                  </p>
                  <p className="soft">
                    {t('server.keys.by', { name: one.created_by })} · <Ago at={one.created} />
                  </p>
                </div>
                {mayRemove && (
                  <button
                    type="button"
                    className="quiet danger"
                    aria-label={t('hosts.remove.title', { name: one.name })}
                    onClick={() => setRemoving(one)}
                  >
                    {t('server.keys.remove')}
                  </button>
                )}
              </li>
            ))}
          </ul>
        </section>
        {mayImport && <KnownHostsImport />}
      </div>
      {adding && (
        <AddAuthority
          close={() => {
            setAdding(false)
            reload()
          }}
        />
      )}
      {removing && (
        <Sure
          title={t('hosts.remove.title', { name: removing.name })}
          yes={t('server.keys.remove')}
          act={() => deleteHostAuthority(removing.id)}
          close={() => {
            setRemoving(null)
            reload()
          }}
        >
          <p>{t('hosts.remove.lead')}</p>
        </Sure>
      )}
    </>
  )
}

function AddAuthority({ close }: { close: () => void }) {
  const { t } = useTranslation()
  const [name, setName] = useState('')
  const [key, setKey] = useState('')
  const { busy, problem, run } = useAction()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    run(async () => {
      await createHostAuthority({ name: name.trim(), key: key.trim() })
      close()
    })
  }
  return (
    <Dialog title={t('hosts.add')} close={close}>
      <form className="form" onSubmit={submit}>
        <Field
          label={t('servers.column.name')}
          autoComplete="off"
          data-first
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <div className="field">
          <label htmlFor="authority-key">{t('hosts.key')}</label>
          <textarea
            id="authority-key"
            className="input area code"
            rows={4}
            spellCheck={false}
            aria-describedby="authority-hint"
            value={key}
            onChange={(event) => setKey(event.target.value)}
          />
          <div className="field-hint" id="authority-hint">
            {t('hosts.key.hint')}
          </div>
        </div>
        <ProblemNotice problem={problem} />
        <div className="dialog-actions">
          <Button onClick={close}>{t('form.cancel')}</Button>
          <Button type="primary" htmlType="submit" loading={busy} disabled={!name.trim() || !key.trim()}>
            {t('server.keys.add.submit')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
