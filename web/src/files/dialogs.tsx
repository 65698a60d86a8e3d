import { Button } from 'antd'
import { type ReactNode, useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import {
  makeDirectory,
  type RemoteFile,
  readText,
  removeFile,
  renameFile,
  setMode,
  writeText,
} from '../api/files.ts'
import { Dialog } from '../parts/dialog.tsx'
import { DialogForm } from '../parts/dialog-form.tsx'
import { Field } from '../parts/field.tsx'
import { Notice, ProblemNotice } from '../parts/notice.tsx'
import { Sure } from '../parts/sure.tsx'
import { useAction, useLoad } from '../parts/use-load.ts'
import { join, modeWords, octal, readOctal } from './names.ts'

/** Where something is that is to be changed. */
export interface There {
  server: number
  directory: string
}

/** One question with one answer. */
function Form({
  title,
  label,
  hint,
  first,
  submit,
  check = (value) => value.trim() !== '' && !value.includes('/'),
  act,
  close,
  children,
}: {
  title: string
  label: string
  hint?: string
  first: string
  submit: string
  check?: (value: string) => boolean
  act: (value: string) => Promise<void>
  close: () => void
  children?: (value: string, set: (value: string) => void) => ReactNode
}) {
  const [value, setValue] = useState(first)
  const answer = async () => {
    await act(value)
    close()
  }
  return (
    <DialogForm title={title} yes={submit} ready={check(value)} act={answer} close={close}>
      {children?.(value, setValue)}
      <Field
        label={label}
        hint={hint}
        className="input code"
        autoComplete="off"
        spellCheck={false}
        data-first
        value={value}
        onChange={(event) => setValue(event.target.value)}
      />
    </DialogForm>
  )
}

export function NewDirectory({ there, close }: { there: There; close: () => void }) {
  const { t } = useTranslation()
  return (
    <Form
      title={t('files.mkdir')}
      label={t('files.name')}
      hint={t('files.name.hint')}
      first=""
      submit={t('files.mkdir.submit')}
      act={(name) => makeDirectory(there.server, join(there.directory, name))}
      close={close}
    />
  )
}

export function Rename({ there, file, close }: { there: There; file: RemoteFile; close: () => void }) {
  const { t } = useTranslation()
  const { server, directory } = there
  return (
    <Form
      title={t('files.rename.title', { name: file.name })}
      label={t('files.name')}
      hint={t('files.name.hint')}
      first={file.name}
      submit={t('files.rename')}
      act={(name) => renameFile(server, join(directory, file.name), join(directory, name))}
      close={close}
    />
  )
}

const WHO = ['owner', 'group', 'others'] as const
const WHAT = ['read', 'write', 'run'] as const

export function Permissions({ there, file, close }: { there: There; file: RemoteFile; close: () => void }) {
  const { t } = useTranslation()
  return (
    <Form
      title={t('files.chmod.title', { name: file.name })}
      label={t('files.chmod.octal')}
      first={octal(file.mode ?? 0)}
      submit={t('files.chmod.submit')}
      check={(value) => readOctal(value) !== null}
      act={(value) => setMode(there.server, join(there.directory, file.name), readOctal(value) ?? 0)}
      close={close}
    >
      {(value, set) => {
        const mode = readOctal(value) ?? 0
        return (
          <>
            <table className="permissions">
              <thead>
                <tr>
                  <td />
                  {WHAT.map((what) => (
                    <th key={what} scope="col">
                      {t(`files.chmod.${what}`)}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {WHO.map((who, row) => (
                  <tr key={who}>
                    <th scope="row">{t(`files.chmod.${who}`)}</th>
                    {WHAT.map((what, column) => {
                      const bit = 1 << (8 - row * 3 - column)
                      return (
                        <td key={what}>
                          <input
                            type="checkbox"
                            aria-label={t('files.chmod.one', {
                              who: t(`files.chmod.${who}`),
                              what: t(`files.chmod.${what}`),
                            })}
                            checked={(mode & bit) !== 0}
                            onChange={() => set(octal(mode ^ bit))}
                          />
                        </td>
                      )
                    })}
                  </tr>
                ))}
              </tbody>
            </table>
            <p className="soft">
              <code>{modeWords(mode)}</code>
            </p>
          </>
        )
      }}
    </Form>
  )
}

export function Remove({
  there,
  files,
  close,
}: {
  there: There
  files: readonly RemoteFile[]
  close: () => void
}) {
  const { t } = useTranslation()
  const directories = files.filter(({ kind }) => kind === 'directory').length
  const name = files[0]?.name ?? ''
  const act = async () => {
    for (const file of files) {
      await removeFile(there.server, join(there.directory, file.name), file.kind === 'directory')
    }
  }
  return (
    <Sure
      title={
        files.length === 1
          ? t('files.remove.title', { name })
          : t('files.remove.several', { count: files.length })
      }
      yes={t('files.remove')}
      act={act}
      close={close}
    >
      <p>{t('files.remove.lead')}</p>
      {directories > 0 && <p>{t('files.remove.directories', { count: directories })}</p>}
    </Sure>
  )
}

export function Editor({
  there,
  file,
  write,
  close,
}: {
  there: There
  file: RemoteFile
  write: boolean
  close: () => void
}) {
  const { t } = useTranslation()
  const path = join(there.directory, file.name)
  const { data, problem, reload } = useLoad(
    useCallback(() => readText(there.server, path), [there.server, path]),
  )
  const [text, setText] = useState<string | null>(null)
  const saving = useAction()
  const changed = saving.problem?.kind === 'file_changed'
  const save = () =>
    saving.run(async () => {
      if (!data || text === null) return
      // What was seen is changed, wherever a link leads meanwhile.
      await writeText(there.server, data.path, text, data.etag)
      close()
    })
  return (
    <Dialog title={file.name} close={close} wide>
      <ProblemNotice problem={problem} retry={problem && problem.status >= 500 ? reload : undefined} />
      {data && file.kind === 'link' && (
        <p className="soft">
          {t('files.edit.leads')} <code>{data.path}</code>
        </p>
      )}
      {data && (
        <textarea
          className="input area code file-text"
          aria-label={t('files.edit.text', { name: file.name })}
          rows={24}
          spellCheck={false}
          readOnly={!write}
          data-first
          value={text ?? data.text}
          onChange={(event) => setText(event.target.value)}
        />
      )}
      {changed ? (
        <Notice
          tone="wait"
          action={
            <button
              type="button"
              className="quiet"
              onClick={() => {
                saving.clear()
                setText(null)
                reload()
              }}
            >
              {t('files.edit.again')}
            </button>
          }
        >
          {t('files.edit.changed')}
        </Notice>
      ) : (
        <ProblemNotice problem={saving.problem} />
      )}
      <div className="dialog-actions">
        <Button onClick={close}>{t(write ? 'form.cancel' : 'files.close')}</Button>
        {write && (
          <Button
            type="primary"
            loading={saving.busy}
            disabled={!data || text === null || text === data.text}
            onClick={save}
          >
            {t('files.edit.save')}
          </Button>
        )}
      </div>
    </Dialog>
  )
}
