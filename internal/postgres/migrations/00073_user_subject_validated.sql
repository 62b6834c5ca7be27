-- +goose Up
ALTER TABLE users VALIDATE CONSTRAINT users_subject_check;
ALTER TABLE users VALIDATE CONSTRAINT users_id_check;
