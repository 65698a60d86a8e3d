import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import {
  CREDENTIAL_KINDS,
  type Credential,
  type CredentialFields,
  type CredentialKind,
  changeCredential,
  createCredential,
  type SecretName,
} from '../api/servers.ts'
import { DialogForm } from '../parts/dialog-form.tsx'
import { Choice, Field } from '../parts/field.tsx'
import { keyFault } from './key-text.ts'

/** Which secrets a kind has. */
const OF_KIND: Record<CredentialKind, readonly SecretName[]> = {
  password: ['password'],
  key: ['key', 'passphrase', 'certificate'],
  keyboard_interactive: ['password'],
  ask: [],
}

export function CredentialForm({ credential, close }: { credential: Credential | null; close: () => void }) {
  const { t } = useTranslation()
  const [name, setName] = useState(credential?.name ?? '')
  const [username, setUsername] = useState(credential?.username ?? '')
  const [kind, setKind] = useState<CredentialKind>(credential?.kind ?? 'password')
  const [secrets, setSecrets] = useState<Partial<Record<SecretName, string | null>>>({})
  const act = async () => {
    const typed = Object.fromEntries(
      OF_KIND[kind].flatMap((one) => (secrets[one] === undefined ? [] : [[one, secrets[one]]])),
    )
    const fields: CredentialFields = {
      name: name.trim() || username.trim(),
      username: username.trim(),
      kind,
    }
    if (credential) await changeCredential(credential.id, { ...fields, ...typed })
    else await createCredential({ ...fields, ...typed })
    close()
  }
  const options = Object.fromEntries(CREDENTIAL_KINDS.map((one) => [one, t(`credentials.kind.${one}`)]))
  const fault = secrets.key ? keyFault(secrets.key) : null
  return (
    <DialogForm
      title={credential ? t('servers.edit.title', { name: credential.name }) : t('credentials.add')}
      yes={t('form.save')}
      ready={username.trim() !== '' && (fault === null || fault === 'encrypted')}
      act={act}
      close={close}
    >
      <div className="pair">
        <Field
          label={t('servers.username')}
          autoFocus
          required
          autoCapitalize="none"
          autoComplete="off"
          spellCheck={false}
          value={username}
          onChange={(event) => setUsername(event.target.value)}
        />
        <Field
          label={t('servers.column.name')}
          placeholder={username}
          autoComplete="off"
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
      </div>
      <Choice
        label={t('credentials.kind')}
        options={options as Record<CredentialKind, string>}
        value={kind}
        choose={setKind}
        hint={t(`credentials.kind.${kind}.hint`)}
      />
      {OF_KIND[kind].map((one) => (
        <SecretField
          key={one}
          name={one}
          set={credential?.set[one] === true && credential.kind === kind}
          value={secrets[one]}
          error={one === 'key' && fault ? t(`credentials.key.${fault}`) : null}
          change={(value) => setSecrets((before) => ({ ...before, [one]: value }))}
        />
      ))}
    </DialogForm>
  )
}

/** Written, never read: one that is set stays as long as nothing else is typed. */
function SecretField({
  name,
  set,
  value,
  error,
  change,
}: {
  name: SecretName
  set: boolean
  /** Undefined: stays as it is; null: is taken away. */
  value: string | null | undefined
  error: string | null
  change: (value: string | null | undefined) => void
}) {
  const { t } = useTranslation()
  const [open, setOpen] = useState(!set)
  const label = t(`credentials.secret.${name}`)
  if (!open || value === null) {
    return (
      <div className="field">
        <span className="field-label">{label}</span>
        <div className="secret-set">
          <span className="soft">{value === null ? t('credentials.unset') : t('credentials.is_set')}</span>
          <button
            type="button"
            className="quiet"
            onClick={() => {
              change(undefined)
              setOpen(true)
            }}
          >
            {t('credentials.replace')}
          </button>
          {set && value !== null && name !== 'key' && (
            <button type="button" className="quiet danger" onClick={() => change(null)}>
              {t('credentials.take')}
            </button>
          )}
        </div>
      </div>
    )
  }
  const typed = (text: string) => change(text === '' ? undefined : text)
  if (name === 'key' || name === 'certificate') {
    return (
      <div className={error ? 'field wrong' : 'field'}>
        <label htmlFor={`secret-${name}`}>{label}</label>
        <textarea
          id={`secret-${name}`}
          className="input area code"
          rows={name === 'key' ? 6 : 2}
          spellCheck={false}
          autoComplete="off"
          aria-invalid={error ? true : undefined}
          aria-describedby={error ? `secret-${name}-error` : undefined}
          placeholder={
            name === 'key' ? '-----BEGIN OPENSSH PRIVATE KEY-----' : 'ssh-ed25519-cert-v01@openssh.com …'
          }
          value={value ?? ''}
          onChange={(event) => typed(event.target.value)}
          onDrop={async (event) => {
            const file = event.dataTransfer.files[0]
            if (!file) return
            event.preventDefault()
            typed(await file.text())
          }}
        />
        {error && (
          <p className="field-error" id={`secret-${name}-error`} role="alert">
            {error}
          </p>
        )}
        <div className="field-hint">{t(`credentials.${name}.hint`)}</div>
      </div>
    )
  }
  return (
    <Field
      label={label}
      type="password"
      autoComplete="new-password"
      value={value ?? ''}
      onChange={(event) => typed(event.target.value)}
      hint={t(`credentials.${name}.hint`)}
    />
  )
}
